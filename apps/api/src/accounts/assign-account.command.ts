import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { accountKeyOf, fieldsOfKey, isStrong, type LeadEvent } from '#libs/leads/domain';
import { audit, databaseNow, eventIdOf, inTransaction, newId, type Pool } from '#libs/platform';
import { readLead } from '#libs/projection';
import { leadUnknown, refOf } from '../leads/lead-ref.js';
import type { AssignmentBody } from './accounts.dto.js';

export interface Assigned {
  account: string | null;
  eventId: string;
}

/** An operator says whose lead this is, or takes that back. Stated on the log; membership follows. */
export class AssignAccount extends Command<Assigned> {
  constructor(
    readonly ref: string,
    readonly body: AssignmentBody,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(AssignAccount)
export class AssignAccountHandler implements ICommandHandler<AssignAccount> {
  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ ref, body, actor }: AssignAccount): Promise<Assigned> {
    const keys = (await readLead(this.pool, refOf(ref)))?.keys ?? [];
    // the least strong key, else the least anonymousId: as decisions name a lead
    const key = keys.find(isStrong) ?? keys[0];
    if (key === undefined) throw leadUnknown();
    const account = body.account === null ? null : accountKeyOf(body.account)!;
    const now = (await databaseNow(this.pool)).getTime();
    const fact: LeadEvent = {
      id: eventIdOf('api', newId()),
      type: 'account',
      source: 'api',
      occurredAt: now,
      receivedAt: now,
      ...fieldsOfKey(key),
      name: account === null ? 'withdrawn' : 'assigned',
      properties: { ...(account === null ? {} : { account }), reason: body.reason, actor },
    };
    // one transaction around both: without the fact there is no audit row, and the other way round
    await inTransaction(this.pool, async (client) => {
      // no address: the event names the lead, and is forgotten with it
      const details = { account, reason: body.reason };
      await audit(client, {
        actor,
        action: `account.${account === null ? 'withdraw' : 'assign'}`,
        target: fact.id,
        details,
      });
      await stateFact(this.log, fact);
    });
    return { account, eventId: fact.id };
  }
}
