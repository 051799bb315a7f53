// Renders and checks as Backstage does: node backstage.cjs render|check, with JSON on standard input.
const fs = require("fs");
const [, , verb, nunjucks, model, template] = process.argv;
const input = JSON.parse(fs.readFileSync(0, "utf8"));

if (verb === "render") {
  // as SecureTemplater of @backstage/plugin-scaffolder-backend sets nunjucks up
  const { configure } = require(nunjucks);
  const engine = configure({ autoescape: false, tags: { variableStart: "${{", variableEnd: "}}" } });
  const rendered = Object.entries(input.files).map(([path, text]) => [path, engine.renderString(text, input.values)]);
  console.log(JSON.stringify(Object.fromEntries(rendered)));
} else {
  const { entityKindSchemaValidator, componentEntityV1alpha1Validator, apiEntityV1alpha1Validator } = require(model);
  const { CatalogEnvelope, DefaultNamespaceEntityPolicy, SchemaValidEntityPolicy, FieldFormatEntityPolicy } = require(model);
  const policies = [new DefaultNamespaceEntityPolicy(), new SchemaValidEntityPolicy(), new FieldFormatEntityPolicy()];
  const templates = entityKindSchemaValidator(require(template).default);
  const kinds = {
    Component: entity => componentEntityV1alpha1Validator.check(entity),
    API: entity => apiEntityV1alpha1Validator.check(entity),
    Template: async entity => templates(entity) !== undefined,
  };
  (async () => {
    for (const entity of input) {
      let checked = entity;
      for (const policy of policies) checked = await policy.enforce(checked);
      if (!(await kinds[entity.kind](checked))) throw new Error(`${entity.kind} is of another kind`);
    }
    console.log(JSON.stringify(input.map(entity => entity.kind)));
  })().catch(error => { console.error(String(error)); process.exit(1); });
}
