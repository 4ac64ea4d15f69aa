import type { EventLog } from '#libs/event-log';
import { stateFact } from '#libs/leads';
import { fieldsOfKey, isStrong, type LeadEvent } from '#libs/leads/domain';
import { Command, type ICommandHandler, databaseNow, derivedId, DomainError, newId, type Pool } from '#libs/platform';
import { liveRulebook, readLead } from '#libs/projection';
import type { QualificationInput } from './domain/qualification.js';

/** What sales learnt about a lead, question by question. Answers with the events' ids, once the log holds them. */
export class AnswerQuestions extends Command<{ eventIds: string[] }> {
  constructor(
    readonly lead: number,
    readonly input: QualificationInput,
    readonly actor: string,
    readonly idempotencyKey?: string,
  ) {
    super();
  }
}

export class AnswerQuestionsHandler implements ICommandHandler<AnswerQuestions> {
  static readonly handles = AnswerQuestions;

  constructor(
    private readonly pool: Pool,
    private readonly log: EventLog,
  ) {}

  async execute({ lead, input, actor, idempotencyKey }: AnswerQuestions): Promise<{ eventIds: string[] }> {
    const { framework: name, answers } = input;
    const questions = await this.questionsOf(name);
    const keys = (await readLead(this.pool, { id: lead }))?.keys ?? [];
    const key = keys.find(isStrong) ?? keys[0];
    if (key === undefined) throw new DomainError('lead-unknown', 'There is no such lead.', { status: 404 });
    const now = (await databaseNow(this.pool)).getTime();
    const events = answers.map(({ question, answer, grade, level, note }, index): LeadEvent => {
      const asked = questions.find((one) => one.name === question);
      if (!asked)
        throw new DomainError('question-unknown', `${name} has no question ${JSON.stringify(question)}.`, {
          path: `answers.${index}.question`,
        });
      return {
        id:
          idempotencyKey === undefined
            ? newId()
            : derivedId('qualification', key, encodeURIComponent(idempotencyKey), name, question),
        type: 'qualification',
        source: 'api',
        occurredAt: now,
        receivedAt: now,
        ...fieldsOfKey(key),
        name: 'answered',
        properties: {
          framework: name,
          question,
          answer,
          level: level ?? asked.level,
          ...(grade === undefined ? {} : { grade }),
          ...(note === undefined ? {} : { note }),
          actor,
        },
      };
    });
    const eventIds: string[] = [];
    for (const event of events) eventIds.push(await stateFact(this.log, event));
    return { eventIds };
  }

  private async questionsOf(name: string) {
    const { document } = await liveRulebook(this.pool);
    const framework = document.frameworks?.find((one) => one.name === name);
    if (!framework)
      throw new DomainError('framework-unknown', `The rulebook has no framework ${JSON.stringify(name)}.`, {
        path: 'framework',
      });
    return framework.questions;
  }
}
