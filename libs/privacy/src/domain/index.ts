export * from './erasure-request.js';
export * from './mentions.js';
export * from './person-export.js';
