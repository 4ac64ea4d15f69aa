import type { Queryable } from '#libs/platform';

export async function listSources(db: Queryable): Promise<object[]> {
  const rows = await db.query<object>(
    `select s.id, s.name, s.id_space as "idSpace", s.settings, s.created_at as "createdAt", s.revoked_at as "revokedAt",
       coalesce(json_agg(json_build_object('hash', k.hash, 'hint', k.hint, 'createdAt', k.created_at, 'revokedAt', k.revoked_at)
         order by k.created_at) filter (where k.hash is not null), '[]') as keys
     from source s left join write_key k on k.source = s.id
     group by s.id order by s.created_at, s.id`,
  );
  return rows.rows;
}
