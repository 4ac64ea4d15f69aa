/** The batch saw somebody whom another batch has meanwhile moved: everything is read anew in a new transaction. */
export class RepeatBatch extends Error {
  constructor(readonly why: 'merged' | 'version' | 'more-leads') {
    super(`identity changed while this batch waited for its locks: ${why}`);
  }
}
