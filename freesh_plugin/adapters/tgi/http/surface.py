"""The whole HTTP surface: every module of routes, put together."""

from freesh_plugin.adapters.tgi.http import generate_routes, platform_routes, service_routes
from freesh_plugin.adapters.tgi.http.app import FrontApp
from freesh_plugin.adapters.tgi.http.doc_routes import doc_routes
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.openai import routes as openai_routes
from freesh_plugin.adapters.tgi.http.routes import Route

_MODULES = (generate_routes, openai_routes, platform_routes, service_routes)


def all_routes(front: Front) -> list[Route]:
    """Every route, those that describe the others last."""
    routes: list[Route] = [route for module in _MODULES for route in module.routes(front)]
    return [*routes, *doc_routes(routes, front.settings.api_key is not None)]


def front_app(front: Front) -> FrontApp:
    """The application that serves requests by `front`."""
    return FrontApp(front.settings, all_routes(front))


def metrics_app(front: Front) -> FrontApp:
    """The application of the second port, on which nothing but metrics is served."""
    return FrontApp(front.settings, [route for route in service_routes.routes(front) if route.path == "/metrics"])
