// Package scenes attacks whoever unpacks images, with archives that anybody
// could have made. Each has a twin which differs in being harmless alone, and
// loads: an archive that is refused for another reason proves nothing.
package scenes
