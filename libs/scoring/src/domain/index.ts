export * from './decay.js';
export * from './engagement.js';
export * from './fit.js';
export * from './score.js';
export * from './matrix.js';
export * from './line-detail.js';
