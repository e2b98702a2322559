// Package debian makes images from the packages of the machine's own Debian or Ubuntu release, without a registry.
//
// One base, the release's essential packages, is made by mmdebstrap; an image is that base, a layer with the packages it names,
// installed on top in an overlay, and a layer with files of its own. Base and package layers are kept in the user's cache
// directory and shared by everything that runs at the same time; after two weeks they are made anew, and what nobody made anew is
// removed. Only apt's mirror is asked, as the machine's own sources name it. It needs root, mmdebstrap and GNU tar.
package debian
