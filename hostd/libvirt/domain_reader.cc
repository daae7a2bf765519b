// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/domain_reader.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/libvirt/medium_xml.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

struct FreeDoc {
  void operator()(xmlDoc* doc) const { xmlFreeDoc(doc); }
};
struct FreeText {
  void operator()(xmlChar* text) const { xmlFree(text); }
};

bool IsElement(const xmlNode* node, std::string_view name, const char* uri) {
  if (node->type != XML_ELEMENT_NODE || reinterpret_cast<const char*>(node->name) != name)
    return false;
  if (uri == nullptr) return node->ns == nullptr;
  return node->ns != nullptr &&
         std::string_view(reinterpret_cast<const char*>(node->ns->href)) == uri;
}

/// The first child of that name, in namespace `uri` or in none; null if there is none.
xmlNode* Child(const xmlNode* node, std::string_view name, const char* uri = nullptr) {
  for (xmlNode* c = node == nullptr ? nullptr : node->children; c != nullptr; c = c->next) {
    if (IsElement(c, name, uri)) return c;
  }
  return nullptr;
}

std::string Taken(xmlChar* text) {
  std::unique_ptr<xmlChar, FreeText> owned(text);
  return owned ? reinterpret_cast<const char*>(owned.get()) : "";
}
std::string Text(xmlNode* node) { return node == nullptr ? "" : Taken(xmlNodeGetContent(node)); }
std::string Attribute(xmlNode* node, const char* name) {
  return node == nullptr ? "" : Taken(xmlGetNoNsProp(node, reinterpret_cast<const xmlChar*>(name)));
}

template <typename T>
bool ReadNumber(const std::string& text, T& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

void ReadDisks(const xmlNode* devices, DomainFacts& facts) {
  for (xmlNode* c = devices == nullptr ? nullptr : devices->children; c != nullptr; c = c->next) {
    if (!IsElement(c, "disk", nullptr)) continue;
    facts.target_names.insert(Attribute(Child(c, "target"), "dev"));
    if (auto id = DeviceOfAlias(Attribute(Child(c, "alias"), "name"))) facts.media.push_back(*id);
  }
  std::ranges::sort(facts.media);
}

bool ReadMetadata(xmlNode* ours, DomainFacts& facts) {
  if (ours == nullptr) return false;
  facts.level = Attribute(ours, "name");
  facts.image_version = Attribute(ours, "image-version");
  return ReadNumber(Attribute(ours, "index"), facts.index) && facts.index >= 1 &&
         facts.index <= kMaxLevelIndex &&
         ReadNumber(Attribute(ours, "created"), facts.created_unix_s);
}

}  // namespace

std::optional<DomainFacts> ReadDomain(const std::string& xml) {
  std::unique_ptr<xmlDoc, FreeDoc> doc(
      xmlReadMemory(xml.data(), static_cast<int>(xml.size()), "domain.xml", nullptr,
                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
  xmlNode* root = doc ? xmlDocGetRootElement(doc.get()) : nullptr;
  if (root == nullptr || !IsElement(root, "domain", nullptr)) return std::nullopt;
  DomainFacts facts;
  if (!ReadMetadata(Child(Child(root, "metadata"), kMetadataElement, kMetadataUri), facts))
    return std::nullopt;
  if (Text(Child(root, "name")) != DomainName(facts.level)) return std::nullopt;
  ReadDisks(Child(root, "devices"), facts);
  return facts;
}

}  // namespace bulkhead::hostd
