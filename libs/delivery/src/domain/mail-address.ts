const address =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}$)[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*$/u;
// C0, DEL, C1, line and paragraph separators, and marks that turn the writing direction of a header around
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** One plain address: no comment, quoted local part, group, source route, space or control character. */
export const isMailAddress = (text: string): boolean => text.length <= 254 && address.test(text);

/** Lead-supplied text made fit for a header: one line, no control characters, bounded. */
export const headerText = (text: string): string =>
  text.replace(unsafe, ' ').replace(/ {2,}/g, ' ').trim().slice(0, 500);

export const isSafeHeader = (name: string, value: string): boolean =>
  /^[A-Za-z0-9-]{1,70}$/.test(name) && value.length <= 2_000 && value.search(unsafe) < 0;
