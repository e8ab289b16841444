package lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hbase.ClusterMetrics;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.HConstants;
import org.apache.hadoop.hbase.MetaTableAccessor;
import org.apache.hadoop.hbase.NamespaceDescriptor;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.ClusterConnection;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Hbck;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.RegionInfoBuilder;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.client.TableState;
import org.apache.hadoop.hbase.regionserver.HRegionFileSystem;
import org.apache.hadoop.hbase.util.Bytes;
import org.apache.hadoop.hbase.util.CommonFSUtils;

/**
 * Makes tables, breaks them, counts their rows. A region is named TABLE@KEY: the region of the table that holds the key ("" for
 * the first). Commands that touch a region print its encoded name.
 *
 *   wait SECONDS | create TABLE KEY,KEY ROWS | count TABLE... | drop TABLE... | flush TABLE | regions TABLE | servers | inspect
 *   unassign R | assign R | rm-regioninfo R | rm-dir R | rm-descriptor TABLE | corrupt R | forget-servers
 *   meta-delete R | meta-forget R | meta-state R STATE [SERVER] | table-state TABLE STATE | add TABLE START END
 */
public final class Lab {
  private final Configuration conf = HBaseConfiguration.create();
  private Connection connection;
  private Admin admin;
  private FileSystem files;
  private Path root;

  private Lab() {}

  public static void main(String[] args) throws Exception {
    Lab lab = new Lab();
    if (args[0].equals("wait")) {
      lab.await(Integer.parseInt(args[1]));
      System.exit(0);
    }
    lab.root = CommonFSUtils.getRootDir(lab.conf);
    lab.files = lab.root.getFileSystem(lab.conf);
    if (args[0].equals("forget-servers")) { // made while HBase is down: no WAL and no list of servers tells who held hbase:meta
      lab.files.delete(new Path(lab.root, "WALs"), true);
      lab.files.delete(new Path(lab.root, "MasterData"), true);
      System.exit(0);
    }
    lab.connection = ConnectionFactory.createConnection(lab.conf);
    lab.admin = lab.connection.getAdmin();
    List<String> words = new ArrayList<>();
    for (String a : args) {
      if (!a.equals("--")) {
        words.add(a);
        continue;
      }
      lab.run(words);
      words.clear();
    }
    lab.run(words);
    lab.connection.close();
    System.exit(0);
  }

  private void await(int seconds) throws Exception {
    conf.setInt("hbase.client.retries.number", 1);
    conf.setInt("hbase.rpc.timeout", 5000);
    conf.setInt("hbase.client.operation.timeout", 8000);
    long end = System.currentTimeMillis() + seconds * 1000L;
    Exception last = null;
    while (System.currentTimeMillis() < end) {
      try (Connection c = ConnectionFactory.createConnection(conf); Admin a = c.getAdmin()) {
        ClusterMetrics m = a.getClusterMetrics();
        if (m.getLiveServerMetrics().size() == 2 && a.listNamespaces().length > 0) {
          System.out.println("HBase " + m.getHBaseVersion() + " is up: " + m.getMasterName() + " " + m.getLiveServerMetrics().keySet());
          return;
        }
      } catch (Exception e) {
        last = e;
      }
      Thread.sleep(1000);
    }
    System.err.println("HBase is not up after " + seconds + " s: " + last);
    System.exit(1);
  }

  private void run(List<String> w) throws Exception {
    switch (w.get(0)) {
      case "create": create(TableName.valueOf(w.get(1)), w.get(2).split(","), Integer.parseInt(w.get(3))); return;
      case "count": for (String t : w.subList(1, w.size())) System.out.println(t + " " + count(TableName.valueOf(t))); return;
      case "drop": for (String t : w.subList(1, w.size())) drop(TableName.valueOf(t)); return;
      case "servers": admin.getClusterMetrics().getLiveServerMetrics().keySet().forEach(System.out::println); return;
      case "regions": for (RegionInfo r : regions(TableName.valueOf(w.get(1)))) System.out.println(r.getEncodedName() + " " + r.getRegionNameAsString()); return;
      case "inspect": inspect(); return;
      case "flush": admin.flush(TableName.valueOf(w.get(1))); return;
      case "rm-descriptor": files.delete(new Path(CommonFSUtils.getTableDir(root, TableName.valueOf(w.get(1))), ".tabledesc"), true); return;
      case "table-state": MetaTableAccessor.updateTableState(connection, TableName.valueOf(w.get(1)), TableState.State.valueOf(w.get(2))); return;
      case "add": add(TableName.valueOf(w.get(1)), Bytes.toBytes(w.get(2)), Bytes.toBytes(w.get(3))); return;
      default:
    }
    RegionInfo region = find(w.get(1));
    Path dir = new Path(CommonFSUtils.getTableDir(root, region.getTable()), region.getEncodedName());
    switch (w.get(0)) {
      case "unassign": admin.unassign(region.getRegionName(), true); break;
      case "assign": admin.assign(region.getRegionName()); break;
      case "rm-regioninfo": files.delete(new Path(dir, ".regioninfo"), false); break;
      case "rm-dir": files.delete(dir, true); break;
      case "corrupt": corrupt(dir); break;
      case "meta-delete": meta(null, new Delete(region.getRegionName())); break;
      case "meta-forget": meta(null, new Delete(region.getRegionName()).addColumns(HConstants.CATALOG_FAMILY, HConstants.REGIONINFO_QUALIFIER)); break;
      case "meta-state": state(region, w.get(2), w.size() > 3 ? ServerName.valueOf(w.get(3)) : null); break;
      default: throw new IllegalArgumentException("no command " + w.get(0));
    }
    System.out.println(region.getEncodedName());
  }

  private List<RegionInfo> regions(TableName table) throws Exception {
    return MetaTableAccessor.getTableRegions(connection, table, true);
  }

  private RegionInfo find(String name) throws Exception {
    int at = name.indexOf('@');
    byte[] key = Bytes.toBytes(name.substring(at + 1));
    for (RegionInfo r : regions(TableName.valueOf(name.substring(0, at)))) if (r.containsRow(key)) return r;
    throw new IllegalArgumentException("no region " + name);
  }

  private void create(TableName table, String[] keys, int rows) throws Exception {
    String space = table.getNamespaceAsString();
    if (Arrays.stream(admin.listNamespaces()).noneMatch(space::equals)) admin.createNamespace(NamespaceDescriptor.create(space).build());
    byte[][] splits = Arrays.stream(keys).map(Bytes::toBytes).toArray(byte[][]::new);
    admin.createTable(TableDescriptorBuilder.newBuilder(table).setColumnFamily(ColumnFamilyDescriptorBuilder.of("cf")).build(), splits);
    List<Put> puts = new ArrayList<>();
    List<String> starts = new ArrayList<>(Arrays.asList(keys));
    starts.add("!"); // sorts before every key used here: the first region
    for (String start : starts) for (int i = 0; i < rows; i++) {
      puts.add(new Put(Bytes.toBytes(String.format("%s%04d", start, i))).addColumn(Bytes.toBytes("cf"), Bytes.toBytes("v"), Bytes.toBytes(i)));
    }
    try (Table t = connection.getTable(table)) { t.put(puts); }
    admin.flush(table);
  }

  private int count(TableName table) throws Exception {
    int n = 0;
    try (Table t = connection.getTable(table); ResultScanner s = t.getScanner(new Scan().setCaching(500))) {
      for (Result ignored : s) n++;
    }
    return n;
  }

  private void drop(TableName table) throws Exception {
    if (!admin.tableExists(table)) return;
    if (admin.isTableEnabled(table)) admin.disableTable(table);
    admin.deleteTable(table);
  }

  /** Runs both inspections of the master, so that its pages speak of this moment. */
  private void inspect() throws Exception {
    System.out.println("janitor " + admin.runCatalogJanitor());
    try (Hbck h = ((ClusterConnection) connection).getHbck()) { System.out.println("chore " + h.runHbckChore()); }
  }

  private void corrupt(Path dir) throws Exception {
    for (FileStatus f : files.listStatus(new Path(dir, "cf"))) {
      byte[] noise = new byte[(int) Math.max(64, f.getLen())];
      new Random(1).nextBytes(noise);
      try (FSDataOutputStream out = files.create(f.getPath(), true)) { out.write(noise); }
    }
  }

  private void meta(Put put, Delete delete) throws Exception {
    try (Table t = connection.getTable(TableName.META_TABLE_NAME)) {
      if (put != null) t.put(put);
      if (delete != null) t.delete(delete);
    }
  }

  private void state(RegionInfo region, String state, ServerName server) throws Exception {
    Put put = new Put(region.getRegionName()).addColumn(HConstants.CATALOG_FAMILY, HConstants.STATE_QUALIFIER, Bytes.toBytes(state));
    if (server != null) {
      put.addColumn(HConstants.CATALOG_FAMILY, HConstants.SERVERNAME_QUALIFIER, Bytes.toBytes(server.toString()));
      put.addColumn(HConstants.CATALOG_FAMILY, HConstants.SERVER_QUALIFIER, Bytes.toBytes(server.getAddress().toString()));
      put.addColumn(HConstants.CATALOG_FAMILY, HConstants.STARTCODE_QUALIFIER, Bytes.toBytes(server.getStartcode()));
    }
    meta(put, null);
  }

  /** Adds a region that nobody asked for: folder and CLOSED row. */
  private void add(TableName table, byte[] start, byte[] end) throws Exception {
    RegionInfo region = RegionInfoBuilder.newBuilder(table).setStartKey(start).setEndKey(end).setRegionId(System.currentTimeMillis()).build();
    HRegionFileSystem.createRegionOnFileSystem(conf, files, CommonFSUtils.getTableDir(root, table), region);
    Put put = MetaTableAccessor.makePutFromRegionInfo(region, System.currentTimeMillis());
    put.addColumn(HConstants.CATALOG_FAMILY, HConstants.STATE_QUALIFIER, Bytes.toBytes("CLOSED"));
    meta(put, null);
    System.out.println(region.getEncodedName());
  }
}
