// SPDX-License-Identifier: GPL-2.0-or-later
/// A thin owner around libxml2's tree. Text and attribute values go in as data and are escaped when
/// the tree is written: there is no way to add markup. libvirt-gconfig was turned down: it lacks
/// pcie-root-port, fdgroup and <metadata>, and would need libxml2 beside it all the same.
#pragma once

#include <libxml/tree.h>

#include <memory>
#include <string>

namespace bulkhead::hostd {

/// One element of a document; valid as long as its XmlDocument.
class XmlElement {
 public:
  explicit XmlElement(xmlNode* node) : node_(node) {}

  /// A new last child, in this element's namespace when `name` has no prefix of its own.
  XmlElement Add(const char* name);
  /// As Add, in the namespace that `prefix` was declared for by DeclareNamespace on an ancestor.
  XmlElement AddIn(const char* prefix, const char* name);
  XmlElement& DeclareNamespace(const char* prefix, const char* uri);
  XmlElement& Set(const char* attribute, const std::string& value);
  XmlElement& Text(const std::string& text);

 private:
  xmlNode* node_;
};

/// A document with its root element.
class XmlDocument {
 public:
  explicit XmlDocument(const char* root);
  XmlElement Root() { return XmlElement(xmlDocGetRootElement(doc_.get())); }
  /// Indented text without an XML declaration.
  std::string Write() const;

 private:
  struct Free {
    void operator()(xmlDoc* doc) const { xmlFreeDoc(doc); }
  };
  std::unique_ptr<xmlDoc, Free> doc_;
};

/// `text` is UTF-8 that an XML 1.0 document can hold on one line: no control characters, no
/// U+FFFE or U+FFFF.
bool IsXmlLine(const std::string& text);

}  // namespace bulkhead::hostd
