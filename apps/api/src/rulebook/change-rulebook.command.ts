import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DomainError, type Pool } from '#libs/platform';
import { parseRulebook, publish, saveVersion, validateRulebook, type ParsedRulebook } from '#libs/projection';
import type { PublishInput, RulebookInput } from './rulebook.dto.js';

export const parseInput = ({ document }: RulebookInput): ParsedRulebook =>
  typeof document === 'string' ? parseRulebook(document) : validateRulebook(document);

/** A new, immutable version. It changes nothing until it is published. */
export class SaveRulebook extends Command<{ version: number }> {
  constructor(
    readonly input: RulebookInput,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(SaveRulebook)
export class SaveRulebookHandler implements ICommandHandler<SaveRulebook> {
  constructor(private readonly pool: Pool) {}

  async execute({ input, actor }: SaveRulebook) {
    const parsed = parseInput(input);
    if (parsed.errors)
      throw new DomainError('rulebook-invalid', 'The rulebook has errors.', { status: 422, errors: parsed.errors });
    return { version: await saveVersion(this.pool, parsed.document, actor, input.note) };
  }
}

/** Makes a version live, quietly: no lead that becomes hot by it is alerted. An older version reverts. */
export class PublishRulebook extends Command<{ version: number; note: string }> {
  constructor(
    readonly input: PublishInput,
    readonly actor: string,
  ) {
    super();
  }
}

@CommandHandler(PublishRulebook)
export class PublishRulebookHandler implements ICommandHandler<PublishRulebook> {
  constructor(private readonly pool: Pool) {}

  async execute({ input, actor }: PublishRulebook) {
    await publish(this.pool, input.version, actor, input.note);
    return { version: input.version, note: input.note };
  }
}
