export * from './back-off.js';
export * from './lane.js';
export * from './public-address.js';
export * from './mail-address.js';
