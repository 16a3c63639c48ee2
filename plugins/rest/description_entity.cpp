// The parts of an entity: columns, what its source can be asked for, writes.
#include <algorithm>

#include "description_parts.hpp"

namespace switchgear::rest {
namespace {

const std::vector<std::string>& types() {
  static const std::vector<std::string> names = {"bool", "int64",     "uint64",  "float64", "utf8",   "binary", "date",
                                                 "time", "timestamp", "decimal", "json",    "struct", "list"};
  return names;
}

const std::vector<std::string>& operators() {
  static const std::vector<std::string> names = {"=", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "startswith", "endswith"};
  return names;
}

/// Checks what the host's catalog would refuse without a line.
void check_field(Table& table, bool named) {
  if (named) table.required_text("name");
  const auto type = table.word("type", types());
  if (!type) throw table.wrong("'type' is missing: one of " + listed(types()));
  const std::string& word = types()[*type];
  const auto only_with = [&](std::string_view name, std::string_view its_type) {
    if (table.has(name) && word != its_type) throw table.wrong(name, "only a field of type '" + std::string(its_type) + "' has it");
  };
  only_with("precision", "decimal");
  only_with("scale", "decimal");
  only_with("utc", "timestamp");
  only_with("fields", "struct");
  only_with("item", "list");
  const std::int64_t precision = table.integer("precision", 1, 38).value_or(38);
  table.integer("scale", 0, precision);
  table.boolean("utc", true);
  table.boolean("nullable", true);
  table.text("doc");
  if (word == "struct" && !table.has("fields")) throw table.wrong("'fields' is missing: a struct lists its members");
  for (Table& child : table.tables("fields")) check_field(child, true);
  if (word == "list" && !table.has("item")) throw table.wrong("'item' is missing: a list says what its items are");
  if (auto item = table.table("item")) check_field(*item, false);
  table.finish();
}

std::vector<std::string> known_words(Table& table, std::string_view name, const std::vector<std::string>& known) {
  std::vector<std::string> given = table.texts(name);
  for (const std::string& each : given) {
    if (std::find(known.begin(), known.end(), each) == known.end())
      throw table.wrong(name, "'" + each + "' is none of " + listed(known) + did_you_mean(each, known));
  }
  return given;
}

Write read_write(Table& table) {
  static const std::vector<std::string> ops = {"create", "update", "upsert", "delete"};
  static const std::vector<std::string> methods = {"POST", "PUT", "PATCH", "DELETE"};
  static const std::vector<std::string> bodies = {"record", "changes", "records", "none"};
  Write write;
  const auto op = table.word("op", ops);
  if (!op) throw table.wrong("'op' is missing: one of " + listed(ops));
  write.op = ops[*op];
  const auto method = table.word("method", methods);
  if (!method) throw table.wrong("'method' is missing: one of " + listed(methods));
  write.method = methods[*method];
  write.body = bodies[table.word("body", bodies).value_or(write.op == "delete" ? 3 : 0)];
  const auto path = table.form("path");
  if (!path) throw table.wrong("'path' is missing");
  write.path = *path;
  write.wrap = table.pointer("wrap");
  write.key = table.pointer("key");
  write.results = table.pointer("results");
  write.status = table.pointer("status");
  write.error = table.pointer("error");
  write.idempotency_header = table.text_or("idempotency_header", "");
  write.most = table.integer("most", 1, 100'000).value_or(1);
  if (const Node* statuses = table.raw("statuses")) {
    for (const Node& status : statuses->items) {
      if (!status.is(Node::Kind::integer) || status.integer < 100 || status.integer > 599)
        throw table.wrong("statuses", "expected a list of HTTP statuses");
      write.statuses.push_back(status.integer);
    }
    if (write.statuses.empty()) throw table.wrong("statuses", "expected a list of HTTP statuses");
  }
  if ((write.body == "records") != (write.most > 1))
    throw table.wrong("most", "more than one record goes with body = \"records\", and only with it");
  if (write.results && write.body != "records") throw table.wrong("results", "it goes with body = \"records\"");
  if (write.body == "records" && !write.idempotency_header.empty())
    throw table.wrong("idempotency_header", "a key stands for one record, and a request of many has one header");
  table.finish();
  return write;
}

}  // namespace

std::vector<Field> read_fields(Table& entity) {
  std::vector<Field> found;
  for (Table& table : entity.tables("fields")) {
    check_field(table, true);
    Field field;
    field.name = table.node().find("name")->text;
    field.type = table.node().find("type")->text;
    field.json = to_json(table.node());
    for (const Field& other : found) {
      if (other.name == field.name) throw table.wrong("name", "'" + field.name + "' is named twice");
    }
    found.push_back(std::move(field));
  }
  return found;
}

std::vector<Filter> read_filters(Table& entity) {
  std::vector<Filter> found;
  for (Table& table : entity.tables("filters")) {
    Filter filter;
    filter.fields = table.texts("fields");
    filter.operators = known_words(table, "operators", operators());
    if (filter.operators.empty()) throw table.wrong("'operators' is missing: of " + listed(operators()));
    const auto param = table.form("param");
    if (!param) throw table.wrong("'param' is missing");
    filter.param = *param;
    filter.value = table.form("value").value_or(Template::parse("{value}"));
    check_places(table, "param", filter.param, {"field"}, "{field} is the field's name");
    check_places(table, "value", filter.value, {"field", "value"}, "{field} and {value}");
    filter.join = table.text_or("join", "");
    filter.quote = table.text_or("quote", "");
    filter.refuse = table.text_or("refuse", "");
    if (!filter.quote.empty() && filter.refuse.empty())
      throw table.wrong("refuse", "it is missing: quoted texts need the characters that would end them, such as the quote itself");
    table.finish();
    found.push_back(std::move(filter));
  }
  return found;
}

std::optional<Order> read_order(Table& entity) {
  auto table = entity.table("order");
  if (!table) return std::nullopt;
  Order order;
  order.param = table->required_text("param");
  order.ascending = table->form("ascending").value_or(Template::parse("{field}"));
  order.descending = table->form("descending").value_or(Template());
  check_places(*table, "ascending", order.ascending, {"field"}, "{field} is the field's name");
  check_places(*table, "descending", order.descending, {"field"}, "{field} is the field's name");
  order.join = table->text_or("join", ",");
  table->finish();
  return order;
}

std::optional<Columns> read_columns(Table& entity) {
  auto table = entity.table("columns");
  if (!table) return std::nullopt;
  Columns columns;
  columns.param = table->required_text("param");
  columns.join = table->text_or("join", ",");
  table->finish();
  return columns;
}

std::optional<Changes> read_changes(Table& entity) {
  auto table = entity.table("changes");
  if (!table) return std::nullopt;
  Changes changes;
  changes.since = table->forms("since");
  changes.until = table->forms("until");
  changes.time = static_cast<TimeForm>(table->word("time", {"as_is", "iso", "date", "epoch_s", "epoch_ms"}).value_or(0));
  if (changes.since.empty()) throw table->wrong("'since' is missing: the parameters that ask for what changed from {value} on");
  for (const char* part : {"since", "until"}) {
    for (const auto& [name, form] : part[0] == 's' ? changes.since : changes.until)
      check_places(*table, part, form, {"value", "field"}, "{value} is the time, {field} the entity's cursor");
  }
  table->finish();
  if (!entity.has("cursor")) throw entity.wrong("changes", "the entity has no 'cursor': the field that says when a record changed");
  return changes;
}

std::vector<Write> read_writes(Table& entity) {
  std::vector<Write> found;
  for (Table& table : entity.tables("writes")) {
    Write write = read_write(table);
    for (const Write& other : found) {
      if (other.op == write.op) throw table.wrong("op", "'" + write.op + "' is described twice");
    }
    found.push_back(std::move(write));
  }
  return found;
}

}  // namespace switchgear::rest
