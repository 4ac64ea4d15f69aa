import type { Provider, Type } from '@nestjs/common';
import { CommandHandler, QueryHandler } from '@nestjs/cqrs';
import { Query } from '#libs/platform';

/** What apps/api hands to its handlers. */
export const POOL = Symbol('pool');
export const EVENT_LOG = Symbol('event-log');
export const CONFIG = Symbol('config');
export const METRICS = Symbol('metrics');
export const LOGGER = Symbol('logger');
export const UNSUBSCRIBE_SEAL = Symbol('unsubscribe-seal');

/** A handler of a lib names what it handles; those of this app are decorated where they stand. */
type Handler<T> = Type<T> & { handles?: Type };

/** A provider for a class whose constructor takes exactly these tokens, in order. */
export function provide<T>(target: Handler<T>, ...inject: (symbol | Type)[]): Provider {
  const { handles } = target;
  if (handles) (handles.prototype instanceof Query ? QueryHandler : CommandHandler)(handles)(target);
  return { provide: target, useFactory: (...dependencies: never[]) => new target(...dependencies), inject };
}
