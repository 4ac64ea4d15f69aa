/** The marketing and sales API as any program would call it. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  async get<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
    const given = Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return this.call<T>('GET', search ? `${path}?${search}` : path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>('POST', path, body);
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

export interface Mail {
  subject: string;
  to: { address: string }[];
  html?: string;
  text?: string;
  headers: Record<string, string>;
}

/** The mail sink's mailbox. */
export async function readMailbox(mailboxUrl: string, address?: string): Promise<Mail[]> {
  const response = await fetch(`${mailboxUrl}/email`);
  if (!response.ok) throw new Error(`The mailbox answered ${response.status}`);
  const mails = (await response.json()) as Mail[];
  return address ? mails.filter((mail) => mail.to.some((to) => to.address.toLowerCase() === address)) : mails;
}
