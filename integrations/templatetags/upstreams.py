from django import template

from integrations import checks

register = template.Library()
register.simple_tag(checks.troubles, name="upstream_troubles")
