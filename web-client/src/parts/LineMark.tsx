// The sign of a line that is not good.

import { TriangleAlert } from "lucide-react";
import type { LineCondition } from "../../../signaling/messages.ts";
import "./LineMark.css";

export function LineMark({ condition, title }: { readonly condition: Exclude<LineCondition, "good">; readonly title: string }) {
  return <span className="line-mark" data-condition={condition} title={title}><TriangleAlert aria-hidden size={18} /></span>;
}
