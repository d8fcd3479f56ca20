<?xml version="1.0"?>
<CHANNEL HREF="http://ch.example/" BASE="http://ch.example/"><TITLE>Channel</TITLE><ABSTRACT>Pushed.</ABSTRACT><LOGO HREF="http://ch.example/l.gif" STYLE="IMAGE"/>
<ITEM HREF="http://ch.example/1" LASTMOD="1998-11-05T22:12"><TITLE>One</TITLE><ABSTRACT>First.</ABSTRACT></ITEM></CHANNEL>
