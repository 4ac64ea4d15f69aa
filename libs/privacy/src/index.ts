export * from './domain/index.js';
export { ErasePerson, ErasePersonHandler } from './erase-person.command.js';
export { listProofs, readProof } from './erasure.store.js';
export { ExportPerson, ExportPersonHandler } from './export-person.query.js';
