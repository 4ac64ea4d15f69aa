import { createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { DomainError, type Queryable } from '#libs/platform';
import { allowedRoles, type Role } from './allow.decorator.js';
import { findCaller, type Caller } from './api-key.store.js';

type AuthenticatedRequest = FastifyRequest & { caller?: Caller };

/** A route without `@Allow` or `@Public` answers nobody. */
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly db: Queryable,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const allowed = this.reflector.getAllAndOverride<Role[] | 'public' | undefined>(allowedRoles, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (allowed === 'public') return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const key = bearerOf(request.headers.authorization);
    const caller = key ? await findCaller(this.db, key) : undefined;
    if (!caller) throw new DomainError('unauthorized', 'Send an API key: Authorization: Bearer lfk_…', { status: 401 });
    if (!allowed?.includes(caller.role))
      throw new DomainError('forbidden', `A key with the role ${caller.role} may not do this.`, { status: 403 });
    request.caller = caller;
    return true;
  }
}

function bearerOf(header: string | undefined): string | undefined {
  const match = /^Bearer\s+(\S{1,200})$/i.exec(header ?? '');
  return match?.[1];
}

/** The key that called, as the audit log names it. */
export const Actor = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  return caller ? `${caller.name} (${caller.keyId})` : 'anonymous';
});

/** What the key that called may do. */
export const ActorRole = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().caller?.role ?? 'none',
);
