// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/xml_tree.h"

#include <glib.h>
#include <libxml/xmlsave.h>

#include <new>

namespace bulkhead::hostd {

namespace {

const xmlChar* X(const char* text) { return reinterpret_cast<const xmlChar*>(text); }

/// libxml2 returns null only when memory is short: end as operator new does.
template <typename T>
T* OrBadAlloc(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace

XmlElement XmlElement::Add(const char* name) {
  xmlNode* child = OrBadAlloc(xmlNewDocNode(node_->doc, nullptr, X(name), nullptr));
  xmlAddChild(node_, child);
  return XmlElement(child);
}

XmlElement XmlElement::AddIn(const char* prefix, const char* name) {
  XmlElement child = Add(name);
  xmlSetNs(child.node_, xmlSearchNs(node_->doc, node_, X(prefix)));
  return child;
}

XmlElement& XmlElement::DeclareNamespace(const char* prefix, const char* uri) {
  OrBadAlloc(xmlNewNs(node_, X(uri), X(prefix)));
  return *this;
}

XmlElement& XmlElement::Set(const char* attribute, const std::string& value) {
  // xmlNewProp, not xmlNewDocProp: the latter would resolve "&amp;" in the value.
  OrBadAlloc(xmlNewProp(node_, X(attribute), X(value.c_str())));
  return *this;
}

XmlElement& XmlElement::Text(const std::string& text) {
  // xmlNodeAddContent takes raw text; xmlNodeSetContent would resolve entities in it.
  xmlNodeAddContentLen(node_, X(text.data()), static_cast<int>(text.size()));
  return *this;
}

XmlDocument::XmlDocument(const char* root) : doc_(OrBadAlloc(xmlNewDoc(X("1.0")))) {
  xmlDocSetRootElement(doc_.get(),
                       OrBadAlloc(xmlNewDocNode(doc_.get(), nullptr, X(root), nullptr)));
}

std::string XmlDocument::Write() const {
  std::unique_ptr<xmlBuffer, decltype([](xmlBuffer* b) { xmlBufferFree(b); })> buffer(
      OrBadAlloc(xmlBufferCreate()));
  xmlSaveCtxt* save =
      OrBadAlloc(xmlSaveToBuffer(buffer.get(), "UTF-8", XML_SAVE_FORMAT | XML_SAVE_NO_DECL));
  xmlSaveDoc(save, doc_.get());
  xmlSaveClose(save);
  return reinterpret_cast<const char*>(xmlBufferContent(buffer.get()));
}

bool IsXmlLine(const std::string& text) {
  // GLib's check, not libxml2's: that one lets overlong forms and surrogates pass. Refuses NUL too.
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) == FALSE)
    return false;
  for (unsigned char c : text) {
    if (c < 0x20 || c == 0x7f) return false;
  }
  return text.find("\xEF\xBF\xBE") == std::string::npos &&
         text.find("\xEF\xBF\xBF") == std::string::npos;
}

}  // namespace bulkhead::hostd
