// Copies the pages and the bundles that they load to where the gateway serves them from.
import { cpSync, mkdirSync, rmSync } from 'node:fs';

const target = new URL('../app/rest/static/', import.meta.url);
const swagger = 'node_modules/swagger-ui-dist/';
const redoc = 'node_modules/redoc/bundles/';
const files = [
  `${swagger}swagger-ui.css`,
  `${swagger}swagger-ui-bundle.js`,
  `${swagger}swagger-ui-bundle.js.LICENSE.txt`,
  `${redoc}redoc.standalone.js`,
  `${redoc}redoc.standalone.js.LICENSE.txt`,
];
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync('pages', target, { recursive: true });
for (const file of files) cpSync(file, new URL(file.split('/').at(-1), target));
