import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiForbiddenResponse, ApiUnauthorizedResponse } from '@nestjs/swagger';

export const roles = ['collect', 'sales', 'marketing', 'admin'] as const;
export type Role = (typeof roles)[number];

export const allowedRoles = 'leadfold:allowed-roles';

/** Who may call a route. `admin` may call every route; `collect` none but the collector's. */
export const Allow = (...allowed: Exclude<Role, 'admin' | 'collect'>[]) =>
  applyDecorators(
    SetMetadata(allowedRoles, [...allowed, 'admin'] satisfies Role[]),
    ApiBearerAuth(),
    ApiUnauthorizedResponse({ description: 'No key, or an unknown or revoked one (`unauthorized`)' }),
    ApiForbiddenResponse({ description: 'The key’s role may not do this (`forbidden`)' }),
  );

/** Open to everybody: health, the API description, unsubscribe pages. */
export const Public = () => SetMetadata(allowedRoles, 'public');
