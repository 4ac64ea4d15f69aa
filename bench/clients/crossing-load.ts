import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveCalls, sharedNow } from '../support/child.js';

/** Leads that fulfil four of the five hot conditions, and the request that fulfils the fifth. */
export interface CrossingRequest {
  port: number;
  writeKey: string;
  /** Names of the leads. */
  leads: string[];
  perSecond: number;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 32, noDelay: true } as http.AgentOptions);
export const crossingEmail = (lead: string): string => `${lead}@crossing.example`;

function post(request: Omit<CrossingRequest, 'leads' | 'perSecond'>, path: string, body: object): Promise<void> {
  const text = JSON.stringify(body);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    authorization: `Basic ${Buffer.from(`${request.writeKey}:`).toString('base64')}`,
  };
  return new Promise((resolve, reject) => {
    const call = http.request(
      { agent, host: '127.0.0.1', port: request.port, path, method: 'POST', headers },
      (response) => {
        response.resume();
        response.once('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
        );
      },
    );
    call.once('error', reject);
    call.end(text);
  });
}

async function prepare(request: CrossingRequest): Promise<void> {
  for (let from = 0; from < request.leads.length; from += 100) {
    const batch = request.leads.slice(from, from + 100).flatMap((lead) => {
      const base = { anonymousId: `anon-${lead}` };
      const traits = {
        email: crossingEmail(lead),
        lastName: '鈴木',
        company: '株式会社ベンチ',
        employees: 250,
        position: '部長',
        introductionBy: '3ヶ月以内',
      };
      const page = (path: string) => ({ ...base, type: 'page', messageId: `${lead}-${path}`, properties: { path } });
      return [
        { ...base, type: 'identify', messageId: `${lead}-who`, traits },
        page('/products/a'),
        page('/products/b'),
      ];
    });
    await post(request, '/v1/batch', { batch });
  }
}

/** An open loop: each request begins at its own time, whatever became of those before. Answers when each began. */
async function cross(request: CrossingRequest): Promise<Map<string, number>> {
  const began = new Map<string, number>();
  const started = performance.now();
  await Promise.all(
    request.leads.map(async (lead, index) => {
      await sleep(Math.max(0, started + (index * 1000) / request.perSecond - performance.now()));
      const event = {
        type: 'track',
        event: 'Material Requested',
        messageId: `${lead}-material`,
        anonymousId: `anon-${lead}`,
        properties: { email: crossingEmail(lead), material: 'White paper' },
      };
      began.set(lead, sharedNow());
      await post(request, '/v1/track', event);
    }),
  );
  return began;
}

serveCalls(0, { prepare, cross });
