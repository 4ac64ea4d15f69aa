export default {
  testEnvironment: 'node',
  testRegex: '\\.(int-|e2e-)?spec\\.ts$',
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.local'],
  extensionsToTreatAsEsm: ['.ts'],
  // adds the condition that points "#libs/*" at source; 'import' or 'require' must never stand here
  testEnvironmentOptions: { customExportConditions: ['app-src', 'node', 'node-addons'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': '@swc/jest' },
  coverageProvider: 'v8',
  workerIdleMemoryLimit: '512MB',
  testTimeout: 30_000,
};
