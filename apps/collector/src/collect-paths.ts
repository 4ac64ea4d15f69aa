const types = ['track', 'identify', 'page', 'screen', 'group', 'alias'];

/** Path → the type of a single event that names none. The short names are all that analytics-next uses. */
export const collectPaths: readonly (readonly [path: string, routeType: string | undefined])[] = [
  ...types.flatMap((type) => [[`/v1/${type}`, type] as const, [`/v1/${type[0]}`, type] as const]),
  ...['/v1/batch', '/v1/import', '/v1/b', '/beacon/v1/batch'].map((path) => [path, undefined] as const),
  ...types.flatMap((type) => [[`/api/s/${type}`, type] as const, [`/api/s/s2s/${type}`, type] as const]),
  ...types.map((type) => [`/api/public/apps/${type}`, type] as const),
  ['/api/public/apps/batch', undefined],
];
