import type * as cqrs from '@nestjs/cqrs';

/**
 * What the api's buses carry, typed as they know it. At runtime these are empty classes of ours, so that a worker, which has no
 * bus, does not load a web framework for its types.
 */
export const Command = class {} as unknown as typeof cqrs.Command;
export type Command<Result> = cqrs.Command<Result>;

/** A question: it changes nothing. */
export const Query = class {} as unknown as typeof cqrs.Query;
export type Query<Result> = cqrs.Query<Result>;

export type { ICommandHandler, IQueryHandler } from '@nestjs/cqrs';
