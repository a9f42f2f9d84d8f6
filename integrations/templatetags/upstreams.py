from django import template

from integrations import status

register = template.Library()
register.simple_tag(status.troubles, name="upstream_troubles")
