/** Every advisory lock by number, in one place: two parts with the same one would wait for each other without a reason. */
export const advisoryLocks = {
  migrations: 7_261_001,
  testTemplate: 7_261_002,
  /** Shared by every batch, exclusive for a publish. */
  rulebook: 7_261_003,
  shippedScenarios: 7_261_004,
  apiKeys: 7_261_005,
  /** With a lead's id as second number: one process refolds a long history. */
  longRefold: 7_261_006,
  /** Held by the session of a rebuild: there is one at a time. */
  rebuild: 7_261_008,
} as const;
