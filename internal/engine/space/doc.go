// Package space watches what containers hold on disk where the file system
// can not cap it: it measures trees that belong to an attacker, and decides,
// without a clock of its own, when which tree has to be measured again and
// which one is over its cap.
package space
