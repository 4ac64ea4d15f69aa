import { Body, Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { recipientOf, Unsubscribe, unsubscribePage, unsubscribePageHeaders, type UnsubscribePage } from '#libs/nurture';
import { DomainError, type Pool, type TokenSeal } from '#libs/platform';
import { Public } from '../access/allow.decorator.js';
import type { ApiConfig } from '../api.config.js';
import { CONFIG, POOL, UNSUBSCRIBE_SEAL } from '../tokens.js';

/** What the page's form posts (`page`, `wish`); whatever else a mail client posts, in whatever form, means one thing. */
const form = z
  .object({ page: z.string().optional(), wish: z.enum(['unsubscribe', 'resubscribe']).catch('unsubscribe') })
  .catch({ wish: 'unsubscribe' });

@ApiExcludeController()
@Controller('u')
export class UnsubscribeController {
  constructor(
    private readonly commands: CommandBus,
    @Inject(POOL) private readonly pool: Pool,
    @Inject(UNSUBSCRIBE_SEAL) private readonly seal: TokenSeal,
    @Inject(CONFIG) private readonly config: ApiConfig,
  ) {}

  /** S5: shows a page and changes nothing, whoever or whatever follows the link. */
  @Get(':token')
  @Public()
  async ask(@Param('token') token: string, @Res() reply: FastifyReply) {
    try {
      const recipient = await recipientOf(this.pool, this.seal, token);
      await this.answer(reply, 200, { state: 'ask', ...recipient, action: `/u/${token}` });
    } catch (error) {
      if (!(error instanceof DomainError) || error.options.status !== 404) throw error;
      await this.answer(reply, 404, { state: 'unknown', locale: 'ja', action: '' });
    }
  }

  /** RFC 8058: one POST, no cookie, no redirect, and it is done when the answer comes. */
  @Post(':token')
  @Public()
  async unsubscribe(
    @Param('token') token: string,
    @Body({ schema: form }) body: z.infer<typeof form>,
    @Res() reply: FastifyReply,
  ) {
    const recipient = await this.commands.execute(new Unsubscribe(token, body.wish));
    if (body.page === undefined) return reply.status(200).send('');
    const state = body.wish === 'resubscribe' ? 'resubscribed' : 'unsubscribed';
    return this.answer(reply, 200, { state, ...recipient, action: `/u/${token}` });
  }

  private answer(reply: FastifyReply, status: number, page: Omit<UnsubscribePage, 'sender'>) {
    return reply
      .status(status)
      .headers(unsubscribePageHeaders)
      .send(unsubscribePage({ ...page, sender: this.config.SENDER_NAME }));
  }
}
