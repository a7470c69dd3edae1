-- Run before every spec file: where the support modules are.
package.path = "./?.lua;./spec/support/?.lua;" .. package.path
