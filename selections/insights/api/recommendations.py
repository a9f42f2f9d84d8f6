"""What the caller might pick next, and why."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from catalog.api.serializers import BlankAsNullField, PickedAlbumSerializer
from catalog.models import Album, Movie
from selections.insights import recommendations
from selections.insights.recommendations import POINTS

from .figures import FiguresView


class HowManySerializer(serializers.Serializer):
    limit = serializers.IntegerField(min_value=1, max_value=50, default=20, help_text="At most so many.")


class LeadSerializer(serializers.Serializer):
    title = serializers.CharField()
    week_id = serializers.IntegerField()
    year = serializers.IntegerField()
    week_number = serializers.IntegerField()


class ReasonSerializer(serializers.Serializer):
    reason = serializers.ChoiceField(
        choices=list(POINTS),
        help_text="What it shares with what the caller likes (`director`, `writer`, `cast`, `genre`, `artist`, "
        "`decade`), or who recommends it: `people` whom the caller may see, or `tmdb`.",
    )
    name = serializers.CharField(
        help_text="Of the person, genre or artist; a decade such as `1990s`; of `people` a username; of `tmdb` the "
        "title that it recommends this one for."
    )
    picks = LeadSerializer(many=True, help_text="That led there: up to three; of `people` the one they rated.")


class RecommendationSerializer(serializers.Serializer):
    score = serializers.IntegerField(
        min_value=0,
        max_value=100,
        help_text="How much speaks for it, beside those before it: it never rises down the list. Good for comparing "
        "results of one answer.",
    )
    because = ReasonSerializer(many=True, help_text="Up to five, the strongest first.")


class RecommendedMovieSerializer(serializers.Serializer):
    id = serializers.IntegerField(
        allow_null=True, default=None, help_text="Ours; null where the catalog does not have it."
    )
    tmdb_id = serializers.IntegerField()
    title = serializers.SerializerMethodField()
    original_title = BlankAsNullField()
    release_date = serializers.DateField(allow_null=True)
    poster_path = serializers.SerializerMethodField()
    overview = BlankAsNullField()

    def get_title(self, work) -> str:
        return work.shown_title if isinstance(work, Movie) else work.title

    def get_poster_path(self, work) -> str | None:
        return (work.picture if isinstance(work, Movie) else work.poster_path) or None


class RecommendedAlbumSerializer(PickedAlbumSerializer):
    class Meta(PickedAlbumSerializer.Meta):
        model = Album
        fields = [name for name in PickedAlbumSerializer.Meta.fields if name not in {"cached_at", "confirmed"}]


class MovieRecommendationSerializer(RecommendationSerializer):
    movie = RecommendedMovieSerializer(source="work")


class AlbumRecommendationSerializer(RecommendationSerializer):
    album = RecommendedAlbumSerializer(source="work")


class MovieRecommendationsSerializer(serializers.Serializer):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="`tmdb` where it had a say in it, else `catalog`."
    )
    results = MovieRecommendationSerializer(many=True)


class AlbumRecommendationsSerializer(serializers.Serializer):
    source = serializers.CharField(help_text="`catalog`.")  # type: ignore[assignment]
    results = AlbumRecommendationSerializer(many=True)


class MovieRecommendationsView(FiguresView):
    @extend_schema(tags=["recommendations"], parameters=[HowManySerializer], responses=MovieRecommendationsSerializer)
    def get(self, request):
        """Movies that the caller might pick next, each with what led there.

        By what they picked and rated, and by what people who agree with them rated high. What they picked or have an
        opinion on is never among them.
        """
        asked = HowManySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        source, results = recommendations.recommend_movies(request.user, **asked.validated_data)
        return Response(MovieRecommendationsSerializer({"source": source, "results": results}).data)


class AlbumRecommendationsView(FiguresView):
    @extend_schema(tags=["recommendations"], parameters=[HowManySerializer], responses=AlbumRecommendationsSerializer)
    def get(self, request):
        """Albums that the caller might pick next, each with what led there.

        By what they picked and rated, and by what people who agree with them rated high. No edition of what they
        picked or have an opinion on is ever among them.
        """
        asked = HowManySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        source, results = recommendations.recommend_albums(request.user, **asked.validated_data)
        return Response(AlbumRecommendationsSerializer({"source": source, "results": results}).data)
