/** Why a request or one of its events is not taken. `code` is stable; `path` names the field. */
export interface Refusal {
  ok: false;
  code: string;
  detail: string;
  path?: string;
}

export const refuse = (code: string, detail: string, path?: string): Refusal => ({
  ok: false,
  code,
  detail,
  ...(path !== undefined && { path }),
});
