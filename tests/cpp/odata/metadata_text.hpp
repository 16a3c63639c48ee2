// What the metadata tests share: the documents of plugins/odata/testdata, small ones around a few declarations, and columns as one line.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "csdl.hpp"

namespace switchgear::odata {

inline std::string testdata(const std::string& name) {
  std::ifstream file(std::string(ODATA_TESTDATA) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no test data " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A V4 document whose one schema (namespace "N") holds `declarations`, on line 4 and below.
inline std::string v4(const std::string& declarations) {
  return "<?xml version=\"1.0\"?>\n<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>\n"
         "<Schema Namespace=\"N\" Alias=\"Self\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n" +
         declarations + "\n</Schema></edmx:DataServices></edmx:Edmx>\n";
}

/// One entity set "Things" of a type that has the key ID and `properties`, the first of them on line 5.
inline std::string v4_things(const std::string& properties, const std::string& declarations = "") {
  return v4("<EntityType Name=\"Thing\"><Key><PropertyRef Name=\"ID\"/></Key><Property Name=\"ID\" Type=\"Edm.Int32\"/>\n" + properties +
            "</EntityType>\n" + declarations +
            "\n<EntityContainer Name=\"C\"><EntitySet Name=\"Things\" EntityType=\"N.Thing\"/></EntityContainer>");
}

/// "ID int64!, Cost decimal(15,2), Address struct{City utf8!}, Tags list<utf8>"; "!" is not nullable.
inline std::string shape(const Column& column) {
  std::string text = column.name + " " + std::string(column.type);
  if (column.type == "decimal") text += "(" + std::to_string(column.precision) + "," + std::to_string(column.scale) + ")";
  if (column.type == "timestamp" && !column.utc) text += " local";
  if (!column.children.empty()) {
    std::string inner;
    for (const Column& child : column.children) inner += (inner.empty() ? "" : ", ") + shape(child);
    text += column.type == "list" ? "<" + inner.substr(5) + ">" : "{" + inner + "}";
  }
  return text + (column.nullable ? "" : "!");
}

inline std::string shape(const EntitySet& set) {
  std::string text;
  for (const Column& column : set.fields) text += (text.empty() ? "" : ", ") + shape(column);
  return text;
}

}  // namespace switchgear::odata
