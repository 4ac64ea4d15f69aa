import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { audit, inTransaction, type Pool } from '#libs/platform';
import { factsOf, type IdentityJudgement } from './judgement-facts.js';

/** An operator's word about who is who, or that an event is not to count. Stated on the log; everything derived follows. */
export class JudgeIdentity extends Command<{ events: string[] }> {
  constructor(
    readonly judgement: IdentityJudgement,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(JudgeIdentity)
export class JudgeIdentityHandler implements ICommandHandler<JudgeIdentity> {
  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ judgement, actor }: JudgeIdentity) {
    const facts = await factsOf(this.pool, judgement, actor);
    // one transaction around both: without the fact there is no audit row, and the other way round
    await inTransaction(this.pool, async (client) => {
      await audit(client, { actor, action: `identity.${judgement.kind}`, target: facts[0]!.id, details: judgement });
      for (const fact of facts) await stateFact(this.log, fact);
    });
    return { events: facts.map((fact) => fact.id) };
  }
}
