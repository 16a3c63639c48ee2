// What the scheme `hmac` signs, as its user describes it, and what else is checked of a verifier's options.
#include "claims.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear::webhook_detail {
namespace {

[[noreturn]] void refuse_recipe(std::string message, std::string hint) {
  throw Error(Category::config, "webhook", std::move(message)).with_hint(std::move(hint));
}

bool is_header_name(std::string_view name) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && others.find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

ContentTemplate ContentTemplate::parse(const HmacRecipe& recipe) {
  ContentTemplate content;
  std::string_view rest = recipe.content;
  int bodies = 0;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    if (open != 0) {
      content.pieces.push_back({Part::literal, std::string(rest.substr(0, open))});
      rest.remove_prefix(std::min(open, rest.size()));
      continue;
    }
    const std::size_t close = rest.find('}');
    const std::string_view name = rest.substr(0, close == std::string_view::npos ? close : close + 1);
    if (name == "{body}") {
      content.pieces.push_back({Part::body});
      ++bodies;
    } else if (name == "{id}" && !recipe.id_header.empty()) {
      content.pieces.push_back({Part::id});
    } else if (name == "{timestamp}" && !recipe.timestamp_header.empty()) {
      content.pieces.push_back({Part::timestamp});
    } else if (name == "{id}" || name == "{timestamp}") {
      refuse_recipe("the content '" + recipe.content + "' has " + std::string(name) + ", but no header was named for it",
                    "name it: id_header, timestamp_header");
    } else {
      refuse_recipe("the content '" + recipe.content + "' has '" + std::string(name) + "'", "there are {id}, {timestamp} and {body}");
    }
    rest.remove_prefix(name.size());
  }
  if (bodies != 1) {
    refuse_recipe("the content '" + recipe.content + "' has {body} " + std::to_string(bodies) + " times",
                  "a signature has to cover the body, once: '{timestamp}.{body}'");
  }
  return content;
}

void ContentTemplate::fill(std::string_view id, std::string_view timestamp, std::string& head, std::string& tail) const {
  std::string* text = &head;
  for (const Piece& piece : pieces) {
    switch (piece.part) {
      case Part::literal:
        text->append(piece.literal);
        break;
      case Part::id:
        text->append(id);
        break;
      case Part::timestamp:
        text->append(timestamp);
        break;
      case Part::body:
        text = &tail;
        break;
    }
  }
}

bool ContentTemplate::uses(Part part) const noexcept {
  for (const Piece& piece : pieces) {
    if (piece.part == part) return true;
  }
  return false;
}

ContentTemplate check_options(const WebhookOptions& options) {
  if (options.tolerance && options.tolerance->count() < 0) {
    refuse_recipe("a tolerance of " + std::to_string(options.tolerance->count()) + " s lets nothing pass", "give seconds from 0, or none");
  }
  if (options.scheme != WebhookScheme::hmac) return {};
  const HmacRecipe& recipe = options.recipe;
  if (recipe.header.empty()) refuse_recipe("the scheme hmac needs the name of the header with the signature", "name it: header");
  for (const std::string* name : {&recipe.header, &recipe.timestamp_header, &recipe.id_header}) {
    if (!is_header_name(*name)) refuse_recipe("'" + *name + "' is no name of a header", "give the name alone, without a colon");
  }
  return ContentTemplate::parse(recipe);
}

}  // namespace switchgear::webhook_detail
