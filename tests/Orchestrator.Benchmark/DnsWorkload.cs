using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Control.Dns;
using Orchestrator.Runtime.Dns;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Benchmark;

/// <summary>The cluster's name server over UDP on the loopback: a process of its own that is asked for services by one client.</summary>
/// <remarks>Of ten questions seven are for A, two for AAAA, and one is a name that a search list makes and nobody has.</remarks>
internal static class DnsWorkload
{
    public const string ServerWord = "dns-server";

    private const int EndpointsPerService = 10;

    /// <summary>Questions under way at the same time.</summary>
    private const int Window = 32;
    private const double FloorPerCore = 20_000;

    private static readonly TimeSpan Warming = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Measuring = TimeSpan.FromSeconds(10);

    public static async Task<bool> RunAsync(int services)
    {
        using Process server = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, [ServerWord, "--services", services.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            int port = int.Parse((await server.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
            byte[][] questions = Questions(services);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 1000 };
            socket.Connect(IPAddress.Loopback, port);
            Ask(socket, questions, Warming, []);
            server.Refresh();
            TimeSpan before = server.TotalProcessorTime;
            var times = new List<long>(2_000_000);
            long began = Stopwatch.GetTimestamp();
            int lost = Ask(socket, questions, Measuring, times);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
            server.Refresh();
            TimeSpan used = server.TotalProcessorTime - before;
            return Report(services, times, lost, elapsed, used, server.WorkingSet64);
        }
        finally
        {
            server.StandardInput.Close();
            await server.WaitForExitAsync();
        }
    }

    /// <summary>The other process: listens until its input ends.</summary>
    public static async Task<int> ServeAsync(int services)
    {
        ClusterZone zone = Zone(services);
        await using ClusterDns dns = await ClusterDns.StartAsync(
            new ClusterDnsOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)] }, () => zone, CancellationToken.None);
        Console.WriteLine(dns.EndPoints[0].Port);
        await Console.In.ReadToEndAsync();
        return 0;
    }

    private static bool Report(int services, List<long> times, int lost, TimeSpan elapsed, TimeSpan used, long memory)
    {
        times.Sort();
        double perCore = times.Count / used.TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {services} services of {EndpointsPerService} endpoints, {Window} questions under way
            {times.Count / elapsed.TotalSeconds:0} answers/s, p50 {Microseconds(50):0} us, p99 {Microseconds(99):0} us, {lost} lost
            server: {used.TotalMicroseconds / times.Count:0.0} us of CPU each ({perCore:0} answers/s a core, floor {FloorPerCore:0}), {memory >> 20} MiB
            """));
        return perCore >= FloorPerCore;

        double Microseconds(int percent) => TimeSpan.FromSeconds(times[times.Count * percent / 100] / (double)Stopwatch.Frequency).TotalMicroseconds;
    }

    /// <summary>Keeps the window full for a time.</summary>
    /// <returns>How many questions were never answered.</returns>
    private static int Ask(Socket socket, byte[][] questions, TimeSpan duration, List<long> times)
    {
        long[] sentAt = new long[ushort.MaxValue + 1];
        byte[] answer = new byte[4096];
        long end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        int next = 0, lost = 0, underWay = 0;
        while (Stopwatch.GetTimestamp() < end || underWay > 0)
        {
            while (underWay < Window && Stopwatch.GetTimestamp() < end)
            {
                byte[] question = questions[next % questions.Length];
                ushort id = (ushort)next++;
                BinaryPrimitives.WriteUInt16BigEndian(question, id);
                sentAt[id] = Stopwatch.GetTimestamp();
                socket.Send(question);
                underWay++;
            }
            try
            {
                socket.Receive(answer);
                times.Add(Stopwatch.GetTimestamp() - sentAt[BinaryPrimitives.ReadUInt16BigEndian(answer)]);
                underWay--;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
            {
                lost += underWay;
                underWay = 0;
            }
        }
        return lost;
    }

    private static byte[][] Questions(int services)
    {
        byte[][] questions = new byte[10 * services][];
        for (int i = 0; i < questions.Length; i++)
        {
            // Not one after the other: what was asked last is not what is asked next.
            string name = $"service-{(i * 7919L) % services}.shop.svc.cluster.local";
            questions[i] = (i % 10) switch
            {
                < 7 => Question(name, DnsType.A),
                < 9 => Question(name, DnsType.Aaaa),
                _ => Question("www.example.org.shop.svc.cluster.local", DnsType.A),
            };
        }
        return questions;
    }

    private static byte[] Question(string name, DnsType type)
    {
        DnsName wire = DnsName.Parse(name);
        byte[] packet = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, .. wire.Wire, 0, (byte)type, 0, 1, 0, 0, (byte)DnsType.Opt, 4, 208, 0, 0, 0, 0, 0, 0];
        return packet;
    }

    private static ClusterZone Zone(int services)
    {
        ClusterZone zone = ClusterZone.Create(new ClusterZoneSettings { ReverseRanges = ["10.96.0.0/12", "10.244.0.0/16"] }).WithNamespace("shop");
        for (int i = 0; i < services; i++)
        {
            string address = $"10.96.{i / 250}.{i % 250 + 1}";
            var service = new Service
            {
                Metadata = new ObjectMeta { Namespace = "shop", Name = $"service-{i}" },
                Spec = new ServiceSpec
                {
                    ClusterIP = address,
                    ClusterIPs = [address],
                    Ports = [new ServicePort { Name = "http", Protocol = "TCP", Port = 80 }],
                },
            };
            var slice = new EndpointSlice
            {
                Metadata = new ObjectMeta { Namespace = "shop", Name = $"service-{i}-1" },
                AddressType = "IPv4",
                Endpoints = [.. Enumerable.Range(0, EndpointsPerService).Select(j => EndpointAt((i * EndpointsPerService) + j))],
                Ports = [new EndpointPort { Name = "http", Protocol = "TCP", Port = 8080 }],
            };
            zone = zone.WithService(service, [slice]);
        }
        return zone;
    }

    private static Endpoint EndpointAt(int number) => new() { Addresses = [$"10.244.{number / 250 % 256}.{number % 250 + 1}"] };
}
