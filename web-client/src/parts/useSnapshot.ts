import { useSyncExternalStore } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";

export function useSnapshot(consultation: Consultation): Snapshot {
  return useSyncExternalStore(consultation.subscribe, consultation.snapshot);
}
