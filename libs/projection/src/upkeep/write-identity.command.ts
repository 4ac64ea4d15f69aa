import type { PoolClient } from '#libs/platform';
import { plainArray, textArray } from '../store/arrays.js';
import type { DerivedIdentity, StatedIdentification } from './derive-identity.query.js';

/** Into tables that are empty. */
export async function writeIdentity(
  client: PoolClient,
  { links, aparts, identifications, skippedIdentifications }: DerivedIdentity,
): Promise<void> {
  await client.query(
    `insert into link (event, a, b, at, state, reason, batch) select event, a, b, to_timestamp(at / 1000.0), state, reason, batch
      from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::bigint[]) as t(event, a, b, at, state, reason, batch)`,
    [
      plainArray(links.map((row) => row.event)),
      textArray(links.map((row) => row.a)),
      textArray(links.map((row) => row.b)),
      plainArray(links.map((row) => row.at)),
      textArray(links.map((row) => row.state)),
      textArray(links.map((row) => row.reason)),
      plainArray(links.map((row) => row.batch)),
    ],
  );
  await client.query(
    `insert into apart (event, a, b, at, batch) select event, a, b, to_timestamp(at / 1000.0), batch
      from unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::bigint[]) as t(event, a, b, at, batch)`,
    [
      plainArray(aparts.map((row) => row.event)),
      textArray(aparts.map((row) => row.a)),
      textArray(aparts.map((row) => row.b)),
      plainArray(aparts.map((row) => row.at)),
      plainArray(aparts.map((row) => row.batch)),
    ],
  );
  await insertIdentifications(client, 'identification', identifications);
  await insertIdentifications(client, 'skipped_identification', skippedIdentifications);
}

async function insertIdentifications(
  client: PoolClient,
  table: 'identification' | 'skipped_identification',
  rows: readonly StatedIdentification[],
): Promise<void> {
  await client.query(
    `insert into ${table} (anon, at, event, strong, batch) select anon, to_timestamp(at / 1000.0), event, strong, batch
      from unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[]) as t(anon, at, event, strong, batch)`,
    [
      textArray(rows.map((row) => row.anon)),
      plainArray(rows.map((row) => row.at)),
      plainArray(rows.map((row) => row.event)),
      textArray(rows.map((row) => row.strong)),
      plainArray(rows.map((row) => row.batch)),
    ],
  );
}
