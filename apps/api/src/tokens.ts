import type { Provider, Type } from '@nestjs/common';

/** What apps/api hands to its handlers. */
export const POOL = Symbol('pool');
export const EVENT_LOG = Symbol('event-log');
export const CONFIG = Symbol('config');
export const METRICS = Symbol('metrics');
export const LOGGER = Symbol('logger');
export const UNSUBSCRIBE_SEAL = Symbol('unsubscribe-seal');

/** A provider for a class whose constructor takes exactly these tokens, in order. */
export const provide = <T>(target: Type<T>, ...inject: (symbol | Type)[]): Provider => ({
  provide: target,
  useFactory: (...dependencies: never[]) => new target(...dependencies),
  inject,
});
