export * from './event.js';
export * from './event-wire.js';
export * from './keys.js';
export * from './state.js';
