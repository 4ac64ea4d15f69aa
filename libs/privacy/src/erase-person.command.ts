import { heldUntil, type EventLogConfig } from '#libs/event-log';
import { emailKey, normalizeEmail, withoutHonorific, type LeadState } from '#libs/leads/domain';
import { suppressErased } from '#libs/nurture';
import {
  Command,
  type ICommandHandler,
  audit,
  databaseNow,
  DomainError,
  fp,
  inTransaction,
  type Pool,
  type PoolClient,
} from '#libs/platform';
import { lockOutBatches, readPerson, repeating, type LeadRef, type ProjectionContext } from '#libs/projection';
import { mentions, type ErasureProof, type ErasureRequest } from './domain/index.js';
import { findErasure, openErasure, readProof, writeErasedKeys, type Pending } from './erasure.store.js';
import { removeLeads, removeMentioned, removeSlice, removeTraces } from './removal.js';

/**
 * Removes a person for good. Asked again it answers with the same proof, or resumes what was broken off. The parts are
 * transactions of their own, so that a long history does not stop the batches: first nothing new is taken or sent, then
 * the facts go in slices, then who the person was, then every trace elsewhere.
 */
export class ErasePerson extends Command<ErasureProof> {
  constructor(
    readonly ref: LeadRef,
    readonly request: ErasureRequest,
    readonly actor: string,
  ) {
    super();
  }
}

export class ErasePersonHandler implements ICommandHandler<ErasePerson> {
  static readonly handles = ErasePerson;

  constructor(
    private readonly pool: Pool,
    private readonly context: ProjectionContext,
    private readonly log: Pick<EventLogConfig, 'EVENT_LOG' | 'EVENT_LOG_RETENTION_DAYS'>,
  ) {}

  async execute({ ref, request, actor }: ErasePerson): Promise<ErasureProof> {
    const { id, done } = await this.inParts((client) => this.begin(client, ref, request, actor));
    if (!done) {
      fp('erasure.after_begin');
      while (await this.inParts((client) => removeSlice(client, this.context, id)));
      for (let from: number | undefined = request.search === false ? undefined : 0; from !== undefined;) {
        const part = from;
        from = await this.inParts((client) => removeMentioned(client, this.context, id, part));
      }
      fp('erasure.after_facts');
      await this.inParts((client) => removeLeads(client, this.context, id));
      fp('erasure.after_leads');
      await this.inParts((client) => removeTraces(client, this.context, id, actor));
    }
    return (await readProof(this.pool, id))!;
  }

  private inParts<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    return repeating(() =>
      inTransaction(this.pool, async (client) => {
        await client.query('set local statement_timeout = 0');
        return work(client);
      }),
    );
  }

  private async begin(client: PoolClient, ref: LeadRef, request: ErasureRequest, actor: string) {
    await lockOutBatches(client);
    const found = await readPerson(client, ref);
    const earlier = await findErasure(client, found ? { id: found.lead.id } : ref);
    if (earlier && (!found || !earlier.done)) return earlier;
    if (!found) throw new DomainError('lead-unknown', 'No lead has this id or key.', { status: 404, path: 'lead' });
    if (found.lead.mixed || found.nobodys)
      throw new DomainError(
        'shared-browser',
        'Several people use this browser. Name one of them by userId or address.',
        {
          status: 409,
          path: 'lead',
        },
      );
    const pending = await pendingOf(client, found);
    refuseNames(request, pending);
    const logUntil = new Date(heldUntil(this.log, (await databaseNow(client)).getTime()));
    const id = await openErasure(client, pending, request, logUntil);
    await writeErasedKeys(client, id, pending.person, logUntil);
    await suppressErased(client, pending.emails, id);
    await audit(client, { actor, action: 'lead.erase', target: id, details: audited(request) });
    return { id, done: false };
  }
}

const audited = ({ requestedBy, reason, reference }: ErasureRequest) => ({ requestedBy, reason, reference });

async function pendingOf(
  client: PoolClient,
  { person, lead }: NonNullable<Awaited<ReturnType<typeof readPerson>>>,
): Promise<Pending> {
  const emails = person.keys.filter((key) => key.startsWith('e:')).map((key) => key.slice(2));
  const said = textOf(lead.state, 'email');
  if (said !== undefined && !emails.includes(normalizeEmail(said))) {
    // an address that is another lead's key is that lead's
    const others = await client.query('select 1 from subject_key where key = $1', [emailKey(normalizeEmail(said))]);
    if (!others.rowCount) emails.push(normalizeEmail(said));
  }
  return {
    person,
    emails,
    names: [...namesIn(lead.state), ...bareUserIds(person.keys)],
    touchedKeys: [],
    touchedBrowsers: [],
  };
}

const textOf = (state: LeadState, name: string): string | undefined => {
  const value = state.profile[name]?.value;
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
};

/** Full names as people write them, and telephone numbers; a family name alone is many people's. */
function namesIn(state: LeadState): string[] {
  const [family, given] = ['familyName', 'givenName'].map((name) => withoutHonorific(textOf(state, name) ?? ''));
  const full =
    family && given ? [`${family}${given}`, `${family} ${given}`, `${given} ${family}`, `${family}　${given}`] : [];
  return [...full, textOf(state, 'displayName'), textOf(state, 'phone')].filter(
    (name): name is string => name !== undefined && name.length >= 3,
  );
}

/** As people write them, without their space; a short one is any number. */
const bareUserIds = (keys: readonly string[]): string[] =>
  keys
    .filter((key) => key.startsWith('u:'))
    .map((key) => key.slice(key.indexOf(':', 2) + 1))
    .filter((id) => id.length >= 5);

function refuseNames({ reference }: ErasureRequest, { person, emails, names }: Pending): void {
  if (reference === undefined) return;
  if (mentions(reference, [...person.keys.map((key) => key.slice(2)), ...emails, ...names]))
    throw new DomainError('names-the-person', 'The reference stays for good: it may not name the person.', {
      status: 422,
      path: 'reference',
    });
}
