"""The live page of an installation, `kairos page`: one module a page, `streams/page/templates` and `streams/page/static` beside them."""
