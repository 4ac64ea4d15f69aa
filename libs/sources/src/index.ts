export * from './domain/index.js';
export { createSource, createWriteKey, revokeWriteKey, type NewSource } from './source.command.js';
export { SourceDirectory, type DirectoryOptions } from './source-directory.js';
export { hashWriteKey } from './write-key.js';
