// The join token: it comes in the fragment of a link, which no server and no log ever sees, lives in this tab's
// session storage, and is gone from the address bar before anything else happens.

const TOKEN = "consilium.token";
const CODEC = "consilium.codec";

/** Takes a token out of the page's address, if there is one, and gives the token of this tab. */
export function takeToken(): string | null {
  const fields = new URLSearchParams(location.hash.slice(1));
  const token = fields.get("token");
  const codec = fields.get("codec");
  if (codec !== null) sessionStorage.setItem(CODEC, codec);
  if (token !== null) {
    sessionStorage.setItem(TOKEN, token);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(TOKEN);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

/** The only codec to publish with, from `#codec=VP8` in the link: for trying and for tests. */
export function preferredCodec(): string | null {
  return sessionStorage.getItem(CODEC);
}

/** Finds the token in what somebody pasted: a whole link, or the token alone. Null when there is none. */
export function tokenIn(text: string): string | null {
  const found = /(?:[#&?]token=)?([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)\s*$/.exec(text.trim());
  return found?.[1] ?? null;
}
