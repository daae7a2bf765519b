// SPDX-License-Identifier: GPL-2.0-or-later
/// What tests ask of a document: which elements and attributes it has, what stands in them, and
/// whether libvirt's schema takes it.
#pragma once

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/tree.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bulkhead::hostd {

using XmlDocPtr = std::unique_ptr<xmlDoc, decltype([](xmlDoc* doc) { xmlFreeDoc(doc); })>;

inline XmlDocPtr ParseXml(const std::string& xml) {
  // No entity is replaced, no file or network is touched, and long texts are allowed as libvirt
  // would see them.
  return XmlDocPtr(xmlReadMemory(xml.data(), static_cast<int>(xml.size()), "x", nullptr,
                                 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
}

/// One line for each element, attribute, comment, instruction and the like, and apart from it the
/// values in the same order.
struct XmlShape {
  std::string structure;
  std::vector<std::string> values;
};

inline std::string TakeXml(xmlChar* text) {
  std::string out = text == nullptr ? "" : reinterpret_cast<const char*>(text);
  xmlFree(text);
  return out;
}

inline bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \n") == std::string::npos;
}

inline void AddShape(const xmlNode* node, const std::string& path, XmlShape& shape) {
  bool leaf = true;
  for (const xmlNode* c = node; c != nullptr; c = c->next) leaf = leaf && c->type == XML_TEXT_NODE;
  for (const xmlNode* c = node; c != nullptr; c = c->next) {
    std::string here = path + "/" + std::to_string(c->type);
    if (c->name != nullptr) here += reinterpret_cast<const char*>(c->name);
    if (c->type == XML_TEXT_NODE) {
      std::string text = TakeXml(xmlNodeGetContent(c));
      // Beside elements there is indentation and nothing else.
      if (leaf) shape.values.push_back(text);
      if (!leaf && !IsBlank(text)) shape.structure += here + " beside elements\n";
      continue;
    }
    if (c->type == XML_ELEMENT_NODE && c->ns != nullptr)
      here += std::string("{") + reinterpret_cast<const char*>(c->ns->href) + "}";
    shape.structure += here + "\n";
    if (c->type != XML_ELEMENT_NODE) continue;
    for (xmlAttr* a = c->properties; a != nullptr; a = a->next) {
      shape.structure += here + "@" + reinterpret_cast<const char*>(a->name) + "\n";
      shape.values.push_back(TakeXml(xmlNodeListGetString(c->doc, a->children, 1)));
    }
    AddShape(c->children, here, shape);
  }
}

/// None: `xml` is not well-formed.
inline std::optional<XmlShape> ShapeOf(const std::string& xml) {
  XmlDocPtr doc = ParseXml(xml);
  if (!doc) return std::nullopt;
  XmlShape shape;
  AddShape(doc->children, "", shape);
  return shape;
}

/// "" when libvirt's schema says that the domain is valid, else its first complaint.
inline std::string SchemaFault(const std::string& xml) {
  static std::string fault;
  fault.clear();
  static xmlRelaxNG* schema = [] {
    auto* parser = xmlRelaxNGNewParserCtxt("/usr/share/libvirt/schemas/domain.rng");
    auto* parsed = xmlRelaxNGParse(parser);
    xmlRelaxNGFreeParserCtxt(parser);
    return parsed;
  }();
  if (schema == nullptr) return "no schema at /usr/share/libvirt/schemas";
  XmlDocPtr doc = ParseXml(xml);
  if (!doc) return "not well-formed";
  auto* valid = xmlRelaxNGNewValidCtxt(schema);
  xmlRelaxNGSetValidStructuredErrors(
      valid,
      [](void*, auto error) {
        if (fault.empty()) fault = error->message;
      },
      nullptr);
  int result = xmlRelaxNGValidateDoc(valid, doc.get());
  xmlRelaxNGFreeValidCtxt(valid);
  return result == 0 ? "" : "invalid: " + fault;
}

}  // namespace bulkhead::hostd
