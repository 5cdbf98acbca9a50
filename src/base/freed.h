// For owners of what C libraries hand out: std::unique_ptr<BIGNUM, Freed<BN_free>>.
#pragma once

namespace corral {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    (void)Free(object);
  }
};

}  // namespace corral
