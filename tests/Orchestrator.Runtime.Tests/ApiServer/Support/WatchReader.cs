using System.Text.Json.Nodes;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>An open watch, read line by line.</summary>
internal sealed class WatchReader : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private WatchReader(HttpResponseMessage response, StreamReader lines) => (_response, _lines) = (response, lines);

    public static async Task<WatchReader> OpenAsync(HttpClient http, string path, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path)
        {
            Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy,
        };
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(Limit);
        Assert.Equal(200, (int)response.StatusCode);
        return new WatchReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next event; null at the end.</summary>
    public async Task<(string Type, JsonObject Object)?> NextAsync()
    {
        string? line = await _lines.ReadLineAsync().WaitAsync(Limit);
        if (line is null)
            return null;
        var json = (JsonObject)JsonNode.Parse(line)!;
        return (json["type"]!.GetValue<string>(), (JsonObject)json["object"]!);
    }

    /// <summary>The next event as <c>ADDED name</c>.</summary>
    public async Task<string> NextTextAsync()
    {
        var next = await NextAsync();
        return next is { } value ? $"{value.Type} {value.Object["metadata"]?["name"]}" : "END";
    }

    public void Dispose()
    {
        _lines.Dispose();
        _response.Dispose();
    }
}
