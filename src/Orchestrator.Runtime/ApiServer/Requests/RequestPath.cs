using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>A URL's path taken apart.</summary>
/// <remarks><code>
/// /api/v1/namespaces/NS/pods/NAME/log      /apis/apps/v1/deployments      /apis/apps/v1/watch/namespaces/NS/deployments
/// /api/v1/namespaces/NAME[/status|finalize]
/// </code></remarks>
internal sealed record RequestPath
{
    public required string Path { get; init; }

    public bool IsResource { get; init; }

    public string Group { get; init; } = "";

    public string Version { get; init; } = "";

    /// <summary>Empty for cluster-scoped resources and all namespaces; for a namespace itself its name.</summary>
    public string Namespace { get; init; } = "";

    public string Resource { get; init; } = "";

    public string Name { get; init; } = "";

    public string Subresource { get; init; } = "";

    /// <summary>What follows the subresource, with its slash: the path that a proxy passes on.</summary>
    public string Rest { get; init; } = "";

    /// <summary>The old form of a watch, <c>/api/v1/watch/...</c>.</summary>
    public bool IsOldWatch { get; init; }

    public static RequestPath Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.None)[1..];
        int next;
        string group = "";
        string version;
        if (parts.Length >= 3 && parts[0] == "api")
        {
            version = parts[1];
            next = 2;
        }
        else if (parts.Length >= 4 && parts[0] == "apis")
        {
            (group, version) = (parts[1], parts[2]);
            next = 3;
        }
        else
        {
            return new RequestPath { Path = path };
        }

        bool isOldWatch = parts[next] == "watch" && parts.Length > next + 1;
        if (isOldWatch)
            next++;
        string ns = "";
        // namespaces/NAME and its subresources are about the namespace, all else below is in it.
        if (parts[next] == "namespaces" && parts.Length > next + 1 && parts[next + 1].Length > 0)
        {
            ns = parts[next + 1];
            if (parts.Length > next + 2 && parts[next + 2].Length > 0 && parts[next + 2] is not ("status" or "finalize"))
                next += 2;
        }

        string resource = parts[next];
        if (resource.Length == 0)
            return new RequestPath { Path = path };
        string PartAt(int index) => index < parts.Length ? parts[index] : "";
        return new RequestPath
        {
            Path = path,
            IsResource = true,
            Group = group,
            Version = version,
            Namespace = ns,
            Resource = resource,
            Name = PartAt(next + 1),
            Subresource = PartAt(next + 2),
            Rest = parts.Length > next + 3 ? "/" + string.Join('/', parts[(next + 3)..]) : "",
            IsOldWatch = isOldWatch,
        };
    }

    /// <summary>What a request wants, as authorizers call it.</summary>
    public string VerbOf(HttpRequest request)
    {
        if (!IsResource)
            return request.Method.ToLowerInvariant();
        // Whatever the method: it is not to be taken for a deletion of one name that deletes all.
        if (IsOldWatch)
            return "watch";
        bool hasName = Name.Length > 0;
        return request.Method switch
        {
            "GET" or "HEAD" when hasName => "get",
            "GET" or "HEAD" => QueryOptions.Flag(request.Query, "watch") ? "watch" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => hasName ? "delete" : "deletecollection",
            _ => request.Method.ToLowerInvariant(),
        };
    }
}
