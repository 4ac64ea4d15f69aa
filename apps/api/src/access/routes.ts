import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { allowedRoles, type Role } from './allow.decorator.js';

/** Every route the controllers declare and who may call it; a route that forgot to say answers nobody and shows as `[]`. */
export function accessTable(app: INestApplicationContext): Record<string, Role[] | 'public'> {
  const table: Record<string, Role[] | 'public'> = {};
  for (const module of app.get(ModulesContainer).values())
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, unknown>;
      const base = String(Reflect.getMetadata(PATH_METADATA, metatype) ?? '');
      for (const name of Object.getOwnPropertyNames(prototype)) {
        const method = prototype[name];
        if (typeof method !== 'function' || !Reflect.hasMetadata(METHOD_METADATA, method)) continue;
        const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as number]!;
        const path = String(Reflect.getMetadata(PATH_METADATA, method) ?? '');
        const route = `/${[base, path]
          .flatMap((part) => part.split('/'))
          .filter(Boolean)
          .join('/')}`;
        table[`${verb} ${route}`] = (Reflect.getMetadata(allowedRoles, method) as Role[] | 'public' | undefined) ?? [];
      }
    }
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
}
